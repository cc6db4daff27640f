/** How many channels the kernels of a class of devices work on at a time. */
import type { DeviceClass } from '@verge/contracts';
import { targets } from '../../targets/index.js';

/** Where no target is like the class. */
const USUAL = 8;

/** The block of the target that is like a class in everything that is known of both; the larger one where several are. */
export function blockOf({ arch, int8Activation, vnni }: DeviceClass): number {
  const alike = targets.filter(
    ({ device, executor }) =>
      device.arch === arch &&
      device.int8Activation === int8Activation &&
      device.vnni === vnni &&
      executor.startsWith('ONNX Runtime, CPU'),
  );
  return Math.max(0, ...alike.map((target) => target.block)) || USUAL;
}
