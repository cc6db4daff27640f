import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf } from '../http/operation.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller } from '../http/request.js';
import { LoginService } from './login.service.js';
import { TokensService } from './tokens.service.js';
import { UsersService } from './users.service.js';

@Controller()
export class UsersController {
  constructor(
    @Inject(UsersService) private readonly users: UsersService,
    @Inject(LoginService) private readonly logins: LoginService,
    @Inject(TokensService) private readonly tokens: TokensService,
  ) {}

  @Operation('users.list')
  list(@Input() input: InputOf<'users.list'>) {
    return this.users.list(input);
  }

  @Operation('users.create')
  create(@Caller() caller: AnyCaller, @Input() input: InputOf<'users.create'>) {
    return this.users.create(caller, input);
  }

  @Operation('users.get')
  get(@Input() { params }: InputOf<'users.get'>) {
    return this.users.get(params.user);
  }

  @Operation('users.update')
  update(@Caller() caller: AnyCaller, @Input() input: InputOf<'users.update'>) {
    return this.users.update(caller, input);
  }

  @Operation('users.resetPassword')
  resetPassword(@Caller() caller: AnyCaller, @Input() input: InputOf<'users.resetPassword'>) {
    return this.users.resetPassword(caller, input);
  }

  @Operation('users.disable')
  disable(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'users.disable'>) {
    return this.users.disable(caller, params.user);
  }

  @Operation('users.enable')
  enable(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'users.enable'>) {
    return this.users.enable(caller, params.user);
  }

  @Operation('users.delete')
  delete(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'users.delete'>) {
    return this.users.delete(caller, params.user);
  }

  @Operation('users.sessions')
  async sessions(@Caller() caller: AnyCaller, @Input() input: InputOf<'users.sessions'>) {
    return await this.logins.listSessions(await this.users.idOf(input.params.user), caller.credential.id, input);
  }

  @Operation('users.endSessions')
  endSessions(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'users.endSessions'>) {
    return this.users.endSessions(caller, params.user);
  }

  @Operation('users.tokens')
  async listTokens(@Input() { params, query }: InputOf<'users.tokens'>) {
    return await this.tokens.ofUser(await this.users.idOf(params.user), query);
  }

  @Operation('users.revokeToken')
  async revokeToken(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'users.revokeToken'>): Promise<void> {
    const userId = await this.users.idOf(params.user);
    if (!(await this.tokens.revoke(caller, userId, params.token))) {
      throw new ProblemError('NOT_FOUND', `the user has no API token ${JSON.stringify(params.token)}`);
    }
  }
}
