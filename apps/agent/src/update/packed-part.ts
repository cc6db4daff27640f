/**
 * A file that comes packed. What has arrived lies in `.packed`, and `.packed.json` says what that is: a download that breaks goes on
 * with the same packed bytes, or begins anew. Whatever comes, the file is what its signed digest says; where a packed form does not
 * give that, it is refused, and this file is asked for as it is from then on.
 */
import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Digest } from '@verge/contracts';
import { packCoding, type EncodingReceived } from '@verge/contracts/grpc';
import { PackError, unpackFile } from '@verge/onnx/pack';
import { z } from 'zod';
import { readIfPresent, syncDirectory, writeAtomic } from '../atomic-file.js';
import { AgentError, reasonOf, systemCode } from '../errors.js';
import { hashInto, type Wanted } from './files.js';
import type { Asked, Piece } from './transfer.js';

/** A smaller file is not worth the question. */
export const leastPacked = 4096;
/** Unpacking that ended the agent so often is not begun again. */
const mostTries = 3;

/** A file that is here whole. */
export interface Base {
  digest: string;
  path: string;
}

export interface Packing {
  /** The likest first. */
  bases: readonly Base[];
  /** Disk space that is to stay free. */
  reserveBytes: number;
  signal: AbortSignal;
  /** For tests: called at named points. */
  at: (point: string) => void;
}

const Form = z.strictObject({
  coding: z.literal(packCoding),
  digest: Digest,
  bytes: z.int().min(1),
  base: z.union([Digest, z.literal('')]),
  /** Times that unpacking was begun. */
  tries: z.int().min(0),
});
const Saved = z.union([Form, z.strictObject({ refused: z.string() })]);
type Form = z.infer<typeof Form>;

/** The packed form is of no use. `again`: what was left here by an earlier process may be to blame. */
export class PackedRefused extends Error {
  override readonly name = 'PackedRefused';
  constructor(
    message: string,
    readonly again = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export class PackedPart {
  private form: Form | null = null;
  private size = 0;
  /** Whether bytes are here that came before this object was made. */
  private inherited = false;
  /** Why the packed form is not asked for. */
  refused: string | null = null;

  private constructor(
    private readonly path: string,
    private readonly wanted: Wanted,
    private readonly packing: Packing,
  ) {}

  /** @param path where the file goes */
  static async open(path: string, wanted: Wanted, packing: Packing): Promise<PackedPart> {
    const part = new PackedPart(path, wanted, packing);
    await part.load();
    return part;
  }

  static files(path: string): string[] {
    return [`${path}.packed`, `${path}.packed.json`, `${path}.unpacked`];
  }

  private get body(): string {
    return `${this.path}.packed`;
  }
  private get record(): string {
    return `${this.path}.packed.json`;
  }

  private async load(): Promise<void> {
    const text = await readIfPresent(this.record).catch(() => null);
    if (text === null) return;
    const saved = Saved.safeParse(parsed(text.toString()));
    if (saved.success && 'refused' in saved.data) this.refused = saved.data.refused;
    else if (saved.success) {
      this.form = saved.data as Form;
      this.size = (await stat(this.body).catch(() => null))?.size ?? 0;
      this.inherited = this.size > 0;
      const { base, bytes } = this.form;
      const missing = base !== '' && !this.packing.bases.some(({ digest }) => digest === base);
      if (missing || this.size > bytes) await this.drop();
    } else await this.drop();
  }

  /** All packed bytes are here. */
  get whole(): boolean {
    return this.form !== null && this.size === this.form.bytes;
  }

  /** @param offset bytes of the plain file that are here */
  asked(offset: number): Asked {
    return {
      digest: this.wanted.digest,
      offset,
      codings: [packCoding],
      bases: this.packing.bases.map(({ digest }) => digest),
      encodedDigest: this.form?.digest ?? '',
      encodedOffset: this.form === null ? 0 : this.size,
    };
  }

  /**
   * Writes what arrives of the packed form.
   * @param onProgress bytes of the file, as many as the share of the packed form that is here
   * @throws PackedRefused; AgentError `DOWNLOAD_FAILED`, and whatever the transfer fails with
   */
  async receive(
    encoding: EncodingReceived,
    pieces: AsyncIterable<Piece>,
    onProgress: (bytes: number) => void,
  ): Promise<void> {
    try {
      await this.begin(encoding);
      await this.append(pieces, onProgress);
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) throw error;
      throw new PackedRefused('there is no room for the packed form beside the file', false, { cause: error });
    }
  }

  private async begin(encoding: EncodingReceived): Promise<void> {
    const { coding, digest, bytes, base, offset } = encoding;
    const form = Form.safeParse({ coding, digest, bytes, base, tries: 0 });
    if (!form.success) throw new PackedRefused(`the packed form is not described: ${form.error.message}`);
    if (bytes >= this.wanted.bytes)
      throw new PackedRefused(`the packed form has ${bytes} bytes, the file ${this.wanted.bytes}`);
    if (base !== '' && !this.packing.bases.some((b) => b.digest === base))
      throw new PackedRefused(`the packed form needs the base ${base}, which was not named`);
    const goesOn = this.form?.digest === digest && this.form.bytes === bytes && offset === this.size;
    if (!goesOn && offset !== 0) throw new PackedRefused(`the packed form begins at ${offset}`, this.inherited);
    await this.checkSpace(bytes - offset + this.wanted.bytes);
    if (goesOn) return;
    // In this order: a record never speaks of bytes of another form.
    await this.drop();
    await writeAtomic(this.record, JSON.stringify(form.data));
    this.form = form.data;
  }

  private async checkSpace(need: number): Promise<void> {
    const { bavail, bsize } = await statfs(dirname(this.path));
    const free = bavail * bsize - this.packing.reserveBytes;
    if (free >= need) return;
    throw new PackedRefused(`${need} bytes are needed for the packed form and the file, ${Math.max(0, free)} are free`);
  }

  private async append(pieces: AsyncIterable<Piece>, onProgress: (bytes: number) => void): Promise<void> {
    const form = this.form!;
    const hash = createHash('sha256');
    if (this.size > 0) await hashInto(hash, this.body);
    const file = await open(this.body, 'a', 0o600);
    try {
      for await (const { data } of pieces) {
        if (this.size + data.length > form.bytes) throw new PackedRefused('more arrived than was announced');
        hash.update(data);
        await file.writeFile(data);
        this.size += data.length;
        onProgress(Math.floor((this.size / form.bytes) * this.wanted.bytes));
      }
      if (!this.whole)
        throw new AgentError('DOWNLOAD_FAILED', `the packed form ended after ${this.size} of ${form.bytes} bytes`);
      this.checkDigest(hash);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  private checkDigest(hash: Hash): void {
    const is = `sha256:${hash.digest('hex')}`;
    if (is === this.form!.digest) return;
    throw new PackedRefused(`the packed form is ${is}, and not ${this.form!.digest}`, this.inherited);
  }

  /**
   * Makes the file of what is here.
   * @returns what came instead of the file
   * @throws PackedRefused; the signal's reason
   */
  async unpack(): Promise<{ packedBytes: number; base: string }> {
    const { form, packing, wanted } = this;
    if (form === null) throw new PackedRefused('nothing is here to unpack');
    if (form.tries >= mostTries) throw new PackedRefused(`unpacking it ended the agent ${mostTries} times`);
    await writeAtomic(this.record, JSON.stringify({ ...form, tries: form.tries + 1 }));
    packing.at('packed:arrived');
    const out = `${this.path}.unpacked`;
    try {
      await unpackFile({
        packed: this.body,
        out,
        base: packing.bases.find(({ digest }) => digest === form.base)?.path,
        bytes: wanted.bytes,
        sha256: wanted.digest.slice('sha256:'.length),
        signal: packing.signal,
        onProgress: () => packing.at('packed:unpacking'),
      });
    } catch (error) {
      await rm(out, { force: true });
      packing.signal.throwIfAborted();
      if (!(error instanceof PackError) && systemCode(error) === null) throw error;
      throw new PackedRefused(reasonOf(error), this.inherited, { cause: error });
    }
    packing.at('packed:unpacked');
    await rename(out, this.path);
    await syncDirectory(dirname(this.path));
    await this.drop();
    return { packedBytes: form.bytes, base: form.base };
  }

  /** From now on the file is asked for as it is, also by the next process. */
  async refuse(reason: string): Promise<void> {
    this.refused = reason;
    await this.drop();
    await writeAtomic(this.record, JSON.stringify({ refused: reason.slice(0, 500) }));
  }

  /** Begins anew. */
  async drop(): Promise<void> {
    for (const file of PackedPart.files(this.path)) await rm(file, { force: true });
    [this.form, this.size, this.inherited] = [null, 0, false];
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
