/** `<data folder>/control-plane.json`: where local workers and tools find the control plane. Holds a database password. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface ControlPlaneFile {
  pid: number;
  httpUrl: string;
  /** host:port */
  grpcEndpoint: string;
  /** host:port */
  enrollEndpoint: string;
  databaseUrl: string;
  redisUrl: string | null;
  /** Null when blobs are in S3; the S3 variables of the environment then say where. */
  blobDir: string | null;
  s3: { endpoint: string | null; bucket: string | null } | null;
}

const pathIn = (dataDir: string): string => join(dataDir, 'control-plane.json');

/** Appears whole or not at all, readable by the owner only. It is there when this returns: nothing else runs meanwhile. */
export function writeControlPlaneFile(dataDir: string, content: ControlPlaneFile): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, JSON.stringify(content, null, 2) + '\n');
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, pathIn(dataDir));
}

/** Removes the file if this process wrote it. */
export async function removeControlPlaneFile(dataDir: string): Promise<void> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => '{}');
  if ((JSON.parse(text) as Partial<ControlPlaneFile>).pid === process.pid) await rm(pathIn(dataDir), { force: true });
}
