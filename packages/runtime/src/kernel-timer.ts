/** Whether times of this machine say anything of a class of devices. */
import type { KernelTimer } from '@verge/onnx';
import { hasInt8Dot, probeHardware } from './probe.js';
import { profileKernels } from './profile.js';

/** What of a class decides how fast its kernels are. */
export interface TimedClass {
  readonly arch: 'x64' | 'arm64';
  /** Of x64 alone. */
  readonly vnni: boolean;
}

/**
 * `profileKernels` where this machine has the architecture and, on x64, the 8-bit instructions of the class; undefined where its times would
 * be those of other kernels.
 */
export async function kernelTimerFor({ arch, vnni }: TimedClass): Promise<KernelTimer | undefined> {
  if (process.arch !== arch) return undefined;
  return arch !== 'x64' || hasInt8Dot(await probeHardware()) === vnni ? profileKernels : undefined;
}
