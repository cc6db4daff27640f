-- DropIndex
DROP INDEX "devices_group_id_idx";

-- CreateIndex
CREATE INDEX "devices_project_id_last_seen_at_id_idx" ON "devices"("project_id", "last_seen_at", "id");

-- CreateIndex
CREATE INDEX "devices_project_id_device_class_id_idx" ON "devices"("project_id", "device_class", "id");

-- CreateIndex
CREATE INDEX "devices_project_id_active_digest_idx" ON "devices"("project_id", "active_digest");

-- CreateIndex
CREATE INDEX "devices_group_id_id_idx" ON "devices"("group_id", "id");

-- CreateIndex
CREATE INDEX "jobs_project_id_state_id_idx" ON "jobs"("project_id", "state", "id");

-- CreateIndex
CREATE INDEX "rollout_devices_rollout_id_state_idx" ON "rollout_devices"("rollout_id", "state");
