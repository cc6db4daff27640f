-- DropIndex
DROP INDEX "telemetry_records_device_id_received_at_idx";

-- DropIndex
DROP INDEX "telemetry_records_device_id_start_at_idx";

-- DropIndex
DROP INDEX "telemetry_records_project_id_start_at_idx";

-- CreateTable
CREATE TABLE "telemetry_pending" (
    "id" BIGSERIAL NOT NULL,
    "project_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "group_id" UUID,
    "rollout_id" UUID,
    "artifact_digest" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "records" BIGINT NOT NULL,
    "requests" BIGINT NOT NULL,
    "errors" BIGINT NOT NULL,
    "caller_errors" BIGINT NOT NULL,
    "load_errors" BIGINT NOT NULL,
    "left_out" BIGINT NOT NULL DEFAULT 0,
    "latency_sketch" BYTEA NOT NULL,
    "classes" JSONB NOT NULL,
    "features" JSONB NOT NULL,

    CONSTRAINT "telemetry_pending_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "telemetry_rollups" (
    "scope" TEXT NOT NULL,
    "scope_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "seconds" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "artifact_digest" TEXT NOT NULL,
    "records" DECIMAL NOT NULL,
    "requests" DECIMAL NOT NULL,
    "errors" DECIMAL NOT NULL,
    "caller_errors" DECIMAL NOT NULL,
    "load_errors" DECIMAL NOT NULL,
    "left_out" DECIMAL NOT NULL,
    "latency_sketch" BYTEA NOT NULL,
    "classes" JSONB NOT NULL,
    "features" JSONB NOT NULL,
    "devices" BYTEA NOT NULL,

    CONSTRAINT "telemetry_rollups_pkey" PRIMARY KEY ("scope_id","seconds","at","artifact_digest")
);

-- CreateTable
CREATE TABLE "telemetry_arrivals" (
    "device_id" UUID NOT NULL,
    "artifact_digest" TEXT NOT NULL,
    "rollout_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "records" DECIMAL NOT NULL,
    "requests" DECIMAL NOT NULL,
    "errors" DECIMAL NOT NULL,
    "caller_errors" DECIMAL NOT NULL,
    "load_errors" DECIMAL NOT NULL,
    "latency_sketch" BYTEA NOT NULL,

    CONSTRAINT "telemetry_arrivals_pkey" PRIMARY KEY ("device_id","artifact_digest","rollout_id","at")
);

-- CreateTable
CREATE TABLE "telemetry_devices" (
    "device_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "ordinal" INTEGER NOT NULL,

    CONSTRAINT "telemetry_devices_pkey" PRIMARY KEY ("device_id")
);

-- CreateIndex
CREATE INDEX "telemetry_pending_project_id_at_idx" ON "telemetry_pending"("project_id", "at");

-- CreateIndex
CREATE INDEX "telemetry_pending_device_id_idx" ON "telemetry_pending"("device_id");

-- CreateIndex
CREATE INDEX "telemetry_rollups_scope_seconds_at_idx" ON "telemetry_rollups"("scope", "seconds", "at");

-- CreateIndex
CREATE INDEX "telemetry_arrivals_at_idx" ON "telemetry_arrivals"("at");

-- CreateIndex
CREATE UNIQUE INDEX "telemetry_devices_project_id_ordinal_key" ON "telemetry_devices"("project_id", "ordinal");

-- CreateIndex
CREATE INDEX "telemetry_cursors_duplicates_idx" ON "telemetry_cursors"("duplicates");

-- CreateIndex
CREATE INDEX "telemetry_records_received_at_idx" ON "telemetry_records"("received_at");

-- What is there already goes the way of what comes: every record is pending, and the control plane folds it into the sums.
INSERT INTO "telemetry_pending" ("project_id", "device_id", "group_id", "rollout_id", "artifact_digest", "at",
  "received_at", "records", "requests", "errors", "caller_errors", "load_errors", "latency_sketch", "classes", "features")
SELECT t.project_id, t.device_id, t.group_id,
  (SELECT rd.rollout_id FROM "rollout_devices" rd
   WHERE rd.device_id = t.device_id AND rd.manifest_digest = t.artifact_digest AND rd.offered_at <= t.received_at
   ORDER BY rd.offered_at DESC LIMIT 1),
  t.artifact_digest, date_trunc('minute', t.start_at), t.received_at, 1, t.requests, t.errors, t.caller_errors,
  t.load_errors, t.latency_sketch, t.classes, t.features
FROM "telemetry_records" t;
