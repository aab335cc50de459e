-- The event log over time: partitions that are never missing and go past their age, and an epoch that a restore ends.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE installation
    ADD COLUMN epoch_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ADD COLUMN system_identifier BIGINT,
    ADD COLUMN timeline INTEGER
--
CREATE TABLE events_default PARTITION OF events DEFAULT
--
ALTER TABLE "events_default" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "events_default" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "events_default" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "events_default" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
REVOKE ALL ON events_default FROM doorstep_app
--
CREATE OR REPLACE FUNCTION doorstep_ensure_event_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $body$
DECLARE
  first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
  starts text;
  ends text;
  made integer := 0;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('doorstep event partitions', 0));
  FOR step IN 0..months LOOP
    starts := (first + make_interval(months => step))::date::text || ' 00:00+00';
    ends := (first + make_interval(months => step + 1))::date::text || ' 00:00+00';
    name := 'events_' || to_char(first + make_interval(months => step), 'YYYYMM');
    IF to_regclass('public.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL)', name);
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
      EXECUTE format($policy$CREATE POLICY tenant ON public.%I TO doorstep_app
        USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))$policy$, name);
      EXECUTE format('CREATE POLICY system ON public.%I TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)', name);
      EXECUTE format('REVOKE ALL ON public.%I FROM doorstep_app', name);
      -- What was written while the month had no partition of its own moves there. Writers wait meanwhile, before they choose a partition.
      LOCK TABLE public.events IN SHARE ROW EXCLUSIVE MODE;
      EXECUTE format('WITH moved AS (DELETE FROM public.events_default WHERE recorded_at >= %L AND recorded_at < %L RETURNING *) '
        'INSERT INTO public.%I SELECT * FROM moved', starts, ends, name);
      EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, starts, ends);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $body$
--
CREATE FUNCTION doorstep_drop_event_partition(keep_days integer, readers text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $body$
DECLARE
  old text;
  logs uuid[];
  ends bigint[];
  unread uuid[];
BEGIN
  IF keep_days IS NULL OR keep_days < 7 THEN
    RAISE EXCEPTION 'the event log is kept for at least 7 days';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('doorstep event partitions', 0));
  SELECT class.relname INTO old
  FROM pg_inherits JOIN pg_class AS class ON class.oid = inhrelid
  WHERE inhparent = 'public.events'::regclass AND class.relname ~ '^events_[0-9]{6}$'
    AND (to_date(right(class.relname, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' <= now() - make_interval(days => keep_days)
  ORDER BY class.relname LIMIT 1;
  IF old IS NULL THEN
    RETURN NULL;
  END IF;
  -- Nothing is written to a month that is over, and readers only go on: what is found here still holds when the table is locked.
  EXECUTE format('SELECT coalesce(array_agg(tenant_id), ''{}''), coalesce(array_agg(last), ''{}'') '
    'FROM (SELECT tenant_id, max(seq) AS last FROM public.%I GROUP BY tenant_id) AS log', old) INTO logs, ends;
  SELECT coalesce(array_agg(log.tenant_id), '{}') INTO unread
  FROM unnest(logs, ends) AS log(tenant_id, last)
  WHERE EXISTS (SELECT FROM public.consumers AS place WHERE place.tenant_id = log.tenant_id AND place.seq < log.last)
     OR EXISTS (SELECT FROM unnest(readers) AS reader(name) WHERE NOT EXISTS (
          SELECT FROM public.consumers AS place WHERE place.tenant_id = log.tenant_id AND place.name = reader.name));
  LOCK TABLE public.events IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('ALTER TABLE public.events DETACH PARTITION public.%I', old);
  -- A tenant whose reactions wait (a suspended one) keeps its events in the default partition, and holds up no other.
  EXECUTE format('INSERT INTO public.events_default SELECT * FROM public.%I WHERE tenant_id = ANY($1)', old) USING unread;
  UPDATE public.event_heads AS head SET pruned_seq = greatest(head.pruned_seq, log.last)
  FROM unnest(logs, ends) AS log(tenant_id, last) WHERE head.tenant_id = log.tenant_id AND log.tenant_id <> ALL(unread);
  EXECUTE format('DROP TABLE public.%I', old);
  RETURN old;
END $body$
--
REVOKE EXECUTE ON FUNCTION doorstep_drop_event_partition(integer, text[]) FROM doorstep_app
--
SELECT doorstep_ensure_event_partitions(3)
--
DO $body$
BEGIN
  UPDATE installation SET
    system_identifier = (SELECT system_identifier FROM pg_control_system()),
    timeline = ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
EXCEPTION
  -- A server that keeps this to itself: there the operator says when a new epoch begins.
  WHEN insufficient_privilege OR undefined_function OR feature_not_supported THEN NULL;
END $body$
