-- Issuers of OpenID Connect. The operator writes them, as doorstep_system; requests look one issuer up before they know their tenant.
--
CREATE TABLE sign_in_providers (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    issuer VARCHAR NOT NULL,
    audience VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT sign_in_providers_issuer_audience_key UNIQUE (issuer, audience)
)
--
ALTER TABLE "sign_in_providers" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "sign_in_providers" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "sign_in_providers" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "sign_in_providers" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
REVOKE INSERT, UPDATE, DELETE ON sign_in_providers FROM doorstep_app
--
CREATE FUNCTION doorstep_sign_in_providers(of_issuer text)
RETURNS TABLE (tenant_id uuid, audience text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT provider.tenant_id, provider.audience::text FROM public.sign_in_providers AS provider WHERE provider.issuer = of_issuer
$$
