-- Clients of a tenant: the documents that it registered, whether only these are answered, and the origins whose pages may call.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE tenants
    ADD COLUMN allowed_origins VARCHAR[] DEFAULT '{}' NOT NULL,
    ADD COLUMN persisted_only BOOLEAN DEFAULT false NOT NULL
--
CREATE INDEX tenants_by_origin ON tenants USING gin (allowed_origins)
--
GRANT UPDATE (allowed_origins, persisted_only) ON tenants TO doorstep_app
--
CREATE TABLE persisted_documents (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    document_id VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (tenant_id, id)
)
--
CREATE UNIQUE INDEX persisted_documents_by_document_id ON persisted_documents (tenant_id, document_id)
--
ALTER TABLE "persisted_documents" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "persisted_documents" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "persisted_documents" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "persisted_documents" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "persisted_documents" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
--
DROP FUNCTION doorstep_standing(uuid)
--
CREATE FUNCTION doorstep_standing(in_tenant uuid)
RETURNS TABLE (suspended boolean, most_sockets integer, allowed_origins varchar[], persisted_only boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT tenant.status <> 'ACTIVE', tenant.quota_sockets, tenant.allowed_origins, tenant.persisted_only
  FROM public.tenants AS tenant WHERE tenant.id = in_tenant
    AND coalesce(NULLIF(current_setting('app.tenant_id', true), '')::uuid, tenant.id) = tenant.id
$$
