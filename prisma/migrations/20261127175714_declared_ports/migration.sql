-- AlterTable
ALTER TABLE "versions" ADD COLUMN     "ports" JSONB NOT NULL DEFAULT '{}';
