import { expect, it } from 'vitest';
import { DeviceClass } from '@verge/contracts';
import { blockOf } from './block.js';

it('is the block of the target that is like the class', () => {
  const block = (device: object): number => blockOf(DeviceClass.parse({ name: 'a', ...device }));
  expect(block({})).toBe(16);
  expect(block({ vnni: false })).toBe(8);
  expect(block({ arch: 'arm64', int8Activation: 'int8' })).toBe(8);
  // No target is like it.
  expect(block({ int8Activation: 'int8' })).toBe(8);
});
