-- AlterTable
ALTER TABLE "telemetry_cursors" ADD COLUMN     "ahead" BIGINT[] DEFAULT ARRAY[]::BIGINT[],
ADD COLUMN     "quarantined" BIGINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "quarantined_records" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "spool_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "artifact_digest" TEXT NOT NULL,
    "start_ms" BIGINT NOT NULL,
    "end_ms" BIGINT NOT NULL,
    "requests" BIGINT NOT NULL,
    "errors" BIGINT NOT NULL,
    "caller_errors" BIGINT NOT NULL,
    "load_errors" BIGINT NOT NULL,
    "classes" JSONB NOT NULL,
    "features" JSONB NOT NULL,
    "reasons" JSONB NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "quarantined_records_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "quarantined_records_project_id_id_idx" ON "quarantined_records"("project_id", "id");

-- CreateIndex
CREATE INDEX "quarantined_records_device_id_id_idx" ON "quarantined_records"("device_id", "id");

-- AddForeignKey
ALTER TABLE "quarantined_records" ADD CONSTRAINT "quarantined_records_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "devices"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What is settled beyond each cursor, from the rows themselves: the runs of consecutive numbers.
UPDATE "telemetry_cursors" AS c SET "ahead" = s."ahead"
FROM (
  SELECT device_id, spool_id, array_agg(edge.seq ORDER BY edge.seq, edge.last) AS "ahead"
  FROM (
    SELECT device_id, spool_id, min(seq) AS first, max(seq) AS final
    FROM (
      SELECT t.device_id, t.spool_id, t.seq,
        t.seq - row_number() OVER (PARTITION BY t.device_id, t.spool_id ORDER BY t.seq) AS run
      FROM "telemetry_records" t
      JOIN "telemetry_cursors" k ON k.device_id = t.device_id AND k.spool_id = t.spool_id
      WHERE t.seq > k.through_seq
    ) AS numbered
    GROUP BY device_id, spool_id, run
  ) AS runs
  CROSS JOIN LATERAL (VALUES (runs.first, 0), (runs.final, 1)) AS edge(seq, last)
  GROUP BY device_id, spool_id
) AS s
WHERE c.device_id = s.device_id AND c.spool_id = s.spool_id;

-- Rows from before there were bounds, which cannot be true by any measure, are set aside as new ones are.
WITH "moved" AS (
  DELETE FROM "telemetry_records" t USING "devices" d
  WHERE d.id = t.device_id AND (
    t.end_at - t.start_at > interval '1 day'
    OR t.start_at < d.enrolled_at - interval '1 hour'
    OR t.end_at > now() + interval '1 hour'
    OR t.requests + t.caller_errors + t.load_errors
      > 10000 * greatest(1, extract(epoch FROM t.end_at - t.start_at)))
  RETURNING t.*
), "counted" AS (
  UPDATE "telemetry_cursors" c SET "quarantined" = m.records, "records" = c.records - m.records
  FROM (SELECT device_id, spool_id, count(*) AS records FROM "moved" GROUP BY 1, 2) AS m
  WHERE c.device_id = m.device_id AND c.spool_id = m.spool_id
)
INSERT INTO "quarantined_records" ("id", "project_id", "device_id", "spool_id", "seq", "artifact_digest", "start_ms",
  "end_ms", "requests", "errors", "caller_errors", "load_errors", "classes", "features", "reasons", "received_at")
SELECT
  -- A UUID of version 7 of the moment at which it came.
  (lpad(to_hex((extract(epoch FROM received_at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
    || '8' || substr(md5(random()::text), 1, 15))::uuid,
  project_id, device_id, spool_id, seq, artifact_digest, (extract(epoch FROM start_at) * 1000)::bigint,
  (extract(epoch FROM end_at) * 1000)::bigint, requests, errors, caller_errors, load_errors,
  classes, '[]'::jsonb,
  '[{"field": "record", "detail": "outside the bounds of window, clock or rate when these were introduced"}]'::jsonb,
  received_at
FROM "moved";
