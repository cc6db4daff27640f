-- AlterTable
ALTER TABLE "telemetry_records" ADD COLUMN     "caller_errors" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "load_errors" BIGINT NOT NULL DEFAULT 0;
