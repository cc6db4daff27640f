export { Caller, Input, Operation, OpenPath, type InputOf, type OutputOf } from './operation.js';
export { openEventStream, type EventStream } from './event-stream.js';
export type { Column } from './cursor.js';
export { List } from './list.js';
export { ProblemError } from './problem-error.js';
export type { AnyCaller, HttpRequest, ProjectCaller } from './request.js';
