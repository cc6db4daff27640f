-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "RolloutDeviceState" ADD VALUE 'pending';
ALTER TYPE "RolloutDeviceState" ADD VALUE 'stalled';

-- AlterEnum
ALTER TYPE "WaveState" ADD VALUE 'unreached';

-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "desired_nothing" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "rollout_devices" ADD COLUMN     "progress" TEXT,
ADD COLUMN     "since_ms" BIGINT;

-- AlterTable
ALTER TABLE "rollout_waves" ADD COLUMN     "settled_ms" BIGINT;

-- AlterTable
ALTER TABLE "rollouts" ADD COLUMN     "clock_ms" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "sequence" SERIAL NOT NULL,
ADD COLUMN     "ticked_at" TIMESTAMPTZ(3);

-- Rollouts that are there already are numbered in the order of their identifiers, which is that of their creation.
UPDATE "rollouts" SET "sequence" = "ordered"."position"
FROM (SELECT "id", row_number() OVER (ORDER BY "id") AS "position" FROM "rollouts") AS "ordered"
WHERE "ordered"."id" = "rollouts"."id";
