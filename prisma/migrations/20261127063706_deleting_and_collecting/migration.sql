-- DropForeignKey
ALTER TABLE "devices" DROP CONSTRAINT "devices_desired_artifact_id_fkey";

-- DropForeignKey
ALTER TABLE "devices" DROP CONSTRAINT "devices_group_id_fkey";

-- DropForeignKey
ALTER TABLE "trainings" DROP CONSTRAINT "trainings_model_id_fkey";

-- DropForeignKey
ALTER TABLE "trainings" DROP CONSTRAINT "trainings_teacher_version_id_fkey";

-- DropForeignKey
ALTER TABLE "versions" DROP CONSTRAINT "versions_dataset_id_fkey";

-- DropForeignKey
ALTER TABLE "versions" DROP CONSTRAINT "versions_model_id_fkey";

-- DropForeignKey
ALTER TABLE "versions" DROP CONSTRAINT "versions_teacher_version_id_fkey";

-- DropForeignKey
ALTER TABLE "versions" DROP CONSTRAINT "versions_training_id_fkey";

-- AlterTable
ALTER TABLE "blob_references" ADD COLUMN     "touched_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- AlterTable
ALTER TABLE "projects" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "condemned_blobs" (
    "digest" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "condemned_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "condemned_blobs_pkey" PRIMARY KEY ("digest")
);

-- CreateTable
CREATE TABLE "blob_collections" (
    "id" UUID NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'running',
    "reason" TEXT NOT NULL DEFAULT '',
    "requested_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "held_blobs" BIGINT NOT NULL DEFAULT 0,
    "held_bytes" BIGINT NOT NULL DEFAULT 0,
    "young_blobs" BIGINT NOT NULL DEFAULT 0,
    "young_bytes" BIGINT NOT NULL DEFAULT 0,
    "freed_blobs" BIGINT NOT NULL DEFAULT 0,
    "freed_bytes" BIGINT NOT NULL DEFAULT 0,
    "given_up" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "blob_collections_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "removals" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "stage" TEXT NOT NULL DEFAULT 'waiting',
    "removed_rows" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "removals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deleted_device_keys" (
    "project_id" UUID NOT NULL,
    "key_fingerprint" TEXT NOT NULL,
    "deleted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deleted_device_keys_pkey" PRIMARY KEY ("project_id","key_fingerprint")
);

-- CreateIndex
CREATE INDEX "blob_collections_started_at_idx" ON "blob_collections"("started_at");

-- CreateIndex
CREATE INDEX "removals_finished_at_id_idx" ON "removals"("finished_at", "id");

-- CreateIndex
CREATE INDEX "blob_references_touched_at_idx" ON "blob_references"("touched_at");

-- CreateIndex
CREATE INDEX "compressions_dataset_id_idx" ON "compressions"("dataset_id");

-- CreateIndex
CREATE INDEX "compressions_recipe_id_idx" ON "compressions"("recipe_id");

-- CreateIndex
CREATE INDEX "devices_desired_artifact_id_idx" ON "devices"("desired_artifact_id");

-- CreateIndex
CREATE INDEX "enrollment_tokens_group_id_idx" ON "enrollment_tokens"("group_id");

-- CreateIndex
CREATE INDEX "evaluations_dataset_id_idx" ON "evaluations"("dataset_id");

-- CreateIndex
CREATE INDEX "rollout_devices_artifact_id_idx" ON "rollout_devices"("artifact_id");

-- CreateIndex
CREATE INDEX "rollout_devices_previous_artifact_id_idx" ON "rollout_devices"("previous_artifact_id");

-- CreateIndex
CREATE INDEX "rollouts_release_id_idx" ON "rollouts"("release_id");

-- CreateIndex
CREATE INDEX "rollouts_version_id_idx" ON "rollouts"("version_id");

-- CreateIndex
CREATE INDEX "rollouts_group_id_idx" ON "rollouts"("group_id");

-- CreateIndex
CREATE INDEX "trainings_dataset_id_idx" ON "trainings"("dataset_id");

-- CreateIndex
CREATE INDEX "trainings_teacher_version_id_idx" ON "trainings"("teacher_version_id");

-- CreateIndex
CREATE INDEX "versions_dataset_id_idx" ON "versions"("dataset_id");

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_model_id_fkey" FOREIGN KEY ("model_id") REFERENCES "models"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_training_id_fkey" FOREIGN KEY ("training_id") REFERENCES "trainings"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "datasets"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_teacher_version_id_fkey" FOREIGN KEY ("teacher_version_id") REFERENCES "versions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trainings" ADD CONSTRAINT "trainings_model_id_fkey" FOREIGN KEY ("model_id") REFERENCES "models"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trainings" ADD CONSTRAINT "trainings_teacher_version_id_fkey" FOREIGN KEY ("teacher_version_id") REFERENCES "versions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices" ADD CONSTRAINT "devices_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "groups"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices" ADD CONSTRAINT "devices_desired_artifact_id_fkey" FOREIGN KEY ("desired_artifact_id") REFERENCES "artifacts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deleted_device_keys" ADD CONSTRAINT "deleted_device_keys_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE CASCADE;
