import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import type { HttpRequest } from './request.js';

/** Holds an answer to its contract before it leaves: a field that the contract lacks is dropped, a wrong one fails here. */
@Injectable()
export class ResponseInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { operation } = context.switchToHttp().getRequest<HttpRequest>();
    const schema = operation?.route.response;
    if (!schema) return next.handle();
    return next.handle().pipe(map((answer: unknown) => (answer === undefined ? answer : schema.parse(answer))));
  }
}
