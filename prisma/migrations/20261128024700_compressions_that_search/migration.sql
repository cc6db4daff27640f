-- AlterTable
ALTER TABLE "compressions" ADD COLUMN     "search" JSONB,
ADD COLUMN     "searched" JSONB,
ALTER COLUMN "recipe_id" DROP NOT NULL;
