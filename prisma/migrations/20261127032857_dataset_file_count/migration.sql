-- AlterTable
ALTER TABLE "datasets" ADD COLUMN     "file_count" INTEGER NOT NULL DEFAULT 0;

UPDATE "datasets" SET "file_count" = jsonb_array_length("files") WHERE jsonb_typeof("files") = 'array';
