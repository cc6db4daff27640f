import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf } from '../http/operation.js';
import type { AnyCaller, HttpRequest, ProjectCaller } from '../http/request.js';
import { AccessService } from './access.service.js';
import { SESSION_COOKIE } from './authentication.service.js';
import { presentProject } from './present.js';

@Controller()
export class AccessController {
  constructor(@Inject(AccessService) private readonly access: AccessService) {}

  @Operation('auth.login')
  async login(
    @Input() { body }: InputOf<'auth.login'>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ) {
    const { token, expiresAt, user } = await this.access.login(body.email, body.password, request.ip ?? '');
    response.setHeader('set-cookie', sessionCookie(request, token, expiresAt));
    return { token, expiresAt: expiresAt.toISOString(), user };
  }

  @Operation('auth.logout')
  async logout(
    @Caller() caller: AnyCaller,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ) {
    await this.access.logout(caller);
    response.setHeader('set-cookie', sessionCookie(request, '', new Date(0)));
  }

  @Operation('auth.me')
  me(@Caller() caller: AnyCaller) {
    return this.access.me(caller);
  }

  @Operation('users.list')
  listUsers(@Input() input: InputOf<'users.list'>) {
    return this.access.listUsers(input);
  }

  @Operation('users.create')
  createUser(@Caller() caller: AnyCaller, @Input() input: InputOf<'users.create'>) {
    return this.access.createUser(caller, input);
  }

  @Operation('tokens.list')
  listTokens(@Caller() caller: AnyCaller, @Input() input: InputOf<'tokens.list'>) {
    return this.access.listTokens(caller, input);
  }

  @Operation('tokens.create')
  createToken(@Caller() caller: AnyCaller, @Input() input: InputOf<'tokens.create'>) {
    return this.access.createToken(caller, input);
  }

  @Operation('tokens.delete')
  deleteToken(@Caller() caller: AnyCaller, @Input() input: InputOf<'tokens.delete'>) {
    return this.access.deleteToken(caller, input);
  }

  @Operation('projects.list')
  listProjects(@Caller() caller: AnyCaller, @Input() input: InputOf<'projects.list'>) {
    return this.access.listProjects(caller, input);
  }

  @Operation('projects.create')
  createProject(@Caller() caller: AnyCaller, @Input() input: InputOf<'projects.create'>) {
    return this.access.createProject(caller, input);
  }

  @Operation('projects.get')
  getProject(@Caller() caller: ProjectCaller) {
    return presentProject(caller.project, caller.role);
  }
}

/** HttpOnly: no script reads it. SameSite=Strict: no other site makes the browser send it (RFC 6265bis). */
function sessionCookie(request: HttpRequest, token: string, expires: Date): string {
  const overTls = request.headers.origin?.startsWith('https:') ?? request.headers['x-forwarded-proto'] === 'https';
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', `Expires=${expires.toUTCString()}`];
  if (overTls) attributes.push('Secure');
  return [`${SESSION_COOKIE}=${token}`, ...attributes].join('; ');
}
