import type { ServerResponse } from 'node:http';
import { SESSION_COOKIE } from '@verge/contracts/openapi';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf } from '../http/operation.js';
import type { AnyCaller, HttpRequest } from '../http/request.js';
import { LoginService } from './login.service.js';
import { TokensService } from './tokens.service.js';

/** What belongs to whoever calls. */
@Controller()
export class AccessController {
  constructor(
    @Inject(LoginService) private readonly logins: LoginService,
    @Inject(TokensService) private readonly tokens: TokensService,
  ) {}

  @Operation('auth.login')
  async login(
    @Input() input: InputOf<'auth.login'>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ) {
    const { token, expiresAt, user } = await this.logins.login(input, request);
    response.setHeader('set-cookie', sessionCookie(request, token, expiresAt));
    return { token, expiresAt: expiresAt.toISOString(), user };
  }

  @Operation('auth.logout')
  async logout(
    @Caller() caller: AnyCaller,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ) {
    await this.logins.logout(caller);
    response.setHeader('set-cookie', sessionCookie(request, '', new Date(0)));
  }

  @Operation('auth.me')
  me(@Caller() caller: AnyCaller) {
    return this.logins.me(caller);
  }

  @Operation('auth.changePassword')
  changePassword(
    @Caller() caller: AnyCaller,
    @Input() input: InputOf<'auth.changePassword'>,
    @Req() request: HttpRequest,
  ) {
    return this.logins.changePassword(caller, input, request.source);
  }

  @Operation('sessions.list')
  listSessions(@Caller() caller: AnyCaller, @Input() input: InputOf<'sessions.list'>) {
    return this.logins.listSessions(caller.user.id, caller.credential.id, input);
  }

  @Operation('sessions.delete')
  deleteSession(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'sessions.delete'>) {
    return this.logins.deleteSession(caller, params.session);
  }

  @Operation('sessions.deleteOthers')
  deleteOtherSessions(@Caller() caller: AnyCaller) {
    return this.logins.deleteOtherSessions(caller);
  }

  @Operation('tokens.list')
  listTokens(@Caller() caller: AnyCaller, @Input() input: InputOf<'tokens.list'>) {
    return this.tokens.list(caller, input);
  }

  @Operation('tokens.create')
  createToken(@Caller() caller: AnyCaller, @Input() input: InputOf<'tokens.create'>) {
    return this.tokens.create(caller, input);
  }

  @Operation('tokens.delete')
  deleteToken(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'tokens.delete'>) {
    return this.tokens.delete(caller, params.token);
  }
}

/** HttpOnly: no script reads it. SameSite=Strict: no other site makes the browser send it (RFC 6265bis). */
function sessionCookie(request: HttpRequest, token: string, expires: Date): string {
  const overTls = request.headers.origin?.startsWith('https:') ?? request.headers['x-forwarded-proto'] === 'https';
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', `Expires=${expires.toUTCString()}`];
  if (overTls) attributes.push('Secure');
  return [`${SESSION_COOKIE}=${token}`, ...attributes].join('; ');
}
