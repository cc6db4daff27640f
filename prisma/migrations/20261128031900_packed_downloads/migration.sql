-- AlterTable
ALTER TABLE "rollout_devices" ADD COLUMN     "sent_bytes" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "sent_file_bytes" BIGINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "packings" (
    "project_id" UUID NOT NULL,
    "target_digest" TEXT NOT NULL,
    "base_digest" TEXT NOT NULL,
    "target_bytes" BIGINT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'wanted',
    "reason" TEXT NOT NULL DEFAULT '',
    "digest" TEXT,
    "bytes" BIGINT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "claimed_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "packings_pkey" PRIMARY KEY ("project_id","target_digest","base_digest")
);

-- CreateIndex
CREATE INDEX "packings_state_created_at_idx" ON "packings"("state", "created_at");

-- AddForeignKey
ALTER TABLE "packings" ADD CONSTRAINT "packings_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE CASCADE;
