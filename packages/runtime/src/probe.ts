import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { loadOrt } from './ort.js';

export interface Hardware {
  arch: string;
  platform: string;
  cpuModel: string;
  /** Logical processors that this process may use. */
  cores: number;
  memoryBytes: number;
  /** SIMD extensions that decide which int8 and fp16 kernels run fast, as Linux names them; empty where unknown. */
  simd: string[];
  ortVersion: string;
  /** Execution providers that the installed ONNX Runtime carries. */
  providers: string[];
}

const telling =
  /^(sse4_2|avx|avx2|fma|f16c|avx_vnni|avx512(f|bw|vl|_vnni|_bf16|_fp16)|amx_(int8|bf16|tile)|neon|asimd|asimddp|asimdhp|i8mm|bf16|sve2?)$/;

async function simdFlags(): Promise<string[]> {
  const text = await readFile('/proc/cpuinfo', 'latin1').catch(() => '');
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? '';
  return line.split(/\s+/).filter((flag) => telling.test(flag));
}

/** What this machine is, as far as models care. */
export async function probeHardware(): Promise<Hardware> {
  const [ort, simd] = await Promise.all([loadOrt(), simdFlags()]);
  const processors = cpus();
  return {
    arch: process.arch,
    platform: process.platform,
    cpuModel: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    simd,
    ortVersion: ort.env.versions.node ?? ort.env.versions.common,
    providers: ort.listSupportedBackends().map((backend) => backend.name),
  };
}

/** Whether u8 x s8 dot products run without 16-bit saturation: VNNI on x64, dot product or i8mm on ARM. */
export function hasInt8Dot(hardware: Pick<Hardware, 'simd'>): boolean {
  return hardware.simd.some((flag) => ['avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm'].includes(flag));
}
