-- AlterTable
ALTER TABLE "trainings" ADD COLUMN     "report" JSONB;
