/**
 * The keys that the control plane itself holds, as files that only its user can read: the device authority, the gateway's
 * server certificate and the director's online key. They are made once, all together or not at all, and kept; control
 * planes that share the load share this folder.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Authority } from '@verge/trust/identity';
import { createAuthority, issueServerCertificate } from '@verge/trust/identity';
import type { MetadataFiles, SigningKey } from '@verge/trust/publish';
import { createKey, initDirector, readKeyFile, rotateDirector, writeKeyFile } from '@verge/trust/publish';

export interface AuthorityFiles {
  readonly authority: Authority;
  readonly directorKey: SigningKey;
  /** Every root of the director, `1.root.json` on. */
  readonly directorRoots: MetadataFiles;
}

export interface ServerIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

const dayMs = 86_400_000;

/** Reads the folder, or makes it when it is not there. Two processes that start at once end up with the same keys. */
export async function openAuthorityFiles(dir: string, now = new Date()): Promise<AuthorityFiles> {
  const found = await readAuthority(dir);
  if (found !== null) return renewDirectorRoot(dir, found, now);
  const making = `${dir}.${randomUUID()}`;
  await mkdir(dirname(dir), { recursive: true });
  await mkdir(making, { mode: 0o700 });
  try {
    const authority = await createAuthority({ commonName: 'Verge device authority', now });
    const key = createKey();
    await writeFile(join(making, 'authority.crt.pem'), authority.certificatePem, { mode: 0o644 });
    await writeFile(join(making, 'authority.key.pem'), authority.privateKeyPem, { mode: 0o600 });
    await writeKeyFile(join(making, 'director.key.json'), key);
    for (const [name, bytes] of initDirector({ key, now })) await writeFile(join(making, `director.${name}`), bytes);
    await chmod(join(making, 'director.key.json'), 0o600);
    // rename(2) onto a folder that has content fails: whoever is second takes what the first has made.
    await rename(making, dir);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    const made = await readAuthority(dir);
    if (made === null) throw error;
    return made;
  }
  return (await readAuthority(dir))!;
}

async function readAuthority(dir: string): Promise<AuthorityFiles | null> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (names === null) return null;
  const text = (name: string) => readFile(join(dir, name), 'utf8');
  const directorRoots: MetadataFiles = new Map();
  for (const name of names) {
    const root = /^director\.(\d+\.root\.json)$/.exec(name)?.[1];
    if (root !== undefined) directorRoots.set(root, new Uint8Array(await readFile(join(dir, name))));
  }
  return {
    authority: { certificatePem: await text('authority.crt.pem'), privateKeyPem: await text('authority.key.pem') },
    directorKey: await readKeyFile(join(dir, 'director.key.json')),
    directorRoots,
  };
}

/** The director's root is signed anew in the last half of its life, so that devices never meet an expired one. */
async function renewDirectorRoot(dir: string, files: AuthorityFiles, now: Date): Promise<AuthorityFiles> {
  if (newestRootExpiry(files.directorRoots).getTime() - now.getTime() > 182 * dayMs) return files;
  const { directorKey: key, directorRoots: roots } = files;
  for (const [name, content] of rotateDirector({ roots, key, nextKey: key, now })) {
    if (roots.has(name)) continue;
    const place = join(dir, `director.${name}`);
    const temporary = `${place}.${randomUUID()}`;
    await writeFile(temporary, content);
    await rename(temporary, place);
  }
  return (await readAuthority(dir))!;
}

export function newestRootExpiry(roots: MetadataFiles): Date {
  const newest = Math.max(...[...roots.keys()].map((name) => Number.parseInt(name, 10)));
  const bytes = roots.get(`${newest}.root.json`);
  const { signed } = JSON.parse(new TextDecoder().decode(bytes)) as { signed: { expires: string } };
  return new Date(signed.expires);
}

/** A certificate for the gateway's TLS, under every name that devices may reach it by. Made anew at each start. */
export async function serverIdentity(
  authority: Authority,
  publicHost: string,
  now = new Date(),
): Promise<ServerIdentity> {
  const names = [...new Set([publicHost, 'localhost', '127.0.0.1', '::1'])];
  return issueServerCertificate(authority, {
    commonName: 'Verge device gateway',
    dnsNames: names.filter((name) => isIP(name) === 0),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
    days: 825,
    now,
  });
}
