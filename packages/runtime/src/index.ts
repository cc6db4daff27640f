export { RuntimeError, type RuntimeErrorCode } from './errors.js';
export { createSession, openSession, type OrtSession, type Port } from './session.js';
