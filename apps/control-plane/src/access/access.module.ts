import { Module } from '@nestjs/common';
import { AccessController } from './access.controller.js';
import { HashSlots } from './hash-slots.js';
import { LoginService } from './login.service.js';
import { LoginThrottle } from './login-throttle.js';
import { PasswordCheck } from './password-check.js';
import { ProjectDeletion } from './project-deletion.service.js';
import { ProjectsController } from './projects.controller.js';
import { ProjectsService } from './projects.service.js';
import { TokensService } from './tokens.service.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [AccessController, UsersController, ProjectsController],
  providers: [
    HashSlots,
    LoginThrottle,
    PasswordCheck,
    LoginService,
    TokensService,
    UsersService,
    ProjectsService,
    ProjectDeletion,
  ],
})
export class AccessModule {}
