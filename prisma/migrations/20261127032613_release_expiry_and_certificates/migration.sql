-- AlterTable
ALTER TABLE "artifacts" ADD COLUMN     "withdraw_reason" TEXT,
ADD COLUMN     "withdrawn_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "device_certificates" ADD COLUMN     "first_used_at" TIMESTAMPTZ(3),
ADD COLUMN     "key_fingerprint" TEXT;

-- AlterTable
ALTER TABLE "enrollment_tokens" ADD COLUMN     "allow_new_key" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "device_id" UUID;

-- AlterTable
ALTER TABLE "release_metadata" ADD COLUMN     "expires_at" TIMESTAMPTZ(3);

-- CreateIndex
CREATE INDEX "enrollment_tokens_device_id_idx" ON "enrollment_tokens"("device_id");

-- AddForeignKey
ALTER TABLE "enrollment_tokens" ADD CONSTRAINT "enrollment_tokens_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "devices"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What is published already says itself when it expires.
UPDATE "release_metadata" SET "expires_at" = (convert_from("content", 'UTF8')::json -> 'signed' ->> 'expires')::timestamptz;
