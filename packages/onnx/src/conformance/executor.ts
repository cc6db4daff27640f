/** Test support: ONNX Runtime, to see that two models give the same numbers. This package itself runs nothing. */
// @boundaries-ignore the runtime is built on this package; only tests look back at it
export { createSession, openSession, optimizedModel } from '@verge/runtime';
