/**
 * Loads ONNX Runtime once, with its telemetry off. The environment variable must be set before the native library is
 * loaded, hence the dynamic import.
 */
import type * as OrtModule from 'onnxruntime-node';
import { RuntimeError, messageOf } from './errors.js';

export type Ort = typeof OrtModule;

let loading: Promise<Ort> | undefined;

/** @throws RuntimeError `runtime-unavailable` when the native library does not load on this machine. */
export function loadOrt(): Promise<Ort> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Ort> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new RuntimeError(
      'runtime-unavailable',
      `ONNX Runtime does not load on ${process.platform}/${process.arch}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
