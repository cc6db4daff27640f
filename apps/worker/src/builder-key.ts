/** The key with which this deployment's workers sign provenance: made once, kept in the data folder. */
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createEnvelopeSigner, type EnvelopeSigner, importEnvelopeSigner } from '@verge/trust/provenance';

/** Several workers may start at once: the first to link its file wins, and all read the winner's. */
export async function builderKey(dataDir: string): Promise<EnvelopeSigner> {
  const folder = join(dataDir, 'worker');
  const file = join(folder, 'builder.key.pem');
  const read = async (): Promise<EnvelopeSigner | undefined> => {
    const pem = await readFile(file, 'utf8').catch(() => undefined);
    return pem === undefined ? undefined : importEnvelopeSigner(pem);
  };
  const there = await read();
  if (there) return there;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, createEnvelopeSigner('ed25519').exportPrivatePem(), { mode: 0o600 });
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(draft, { force: true });
  const key = await read();
  if (!key) throw new Error(`cannot read ${file}`);
  await writeFile(join(folder, 'builder.pub.pem'), key.publicKeyPem);
  return key;
}
