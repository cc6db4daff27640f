import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { RecipesService } from './recipes.service.js';

@Controller()
export class RecipesController {
  constructor(@Inject(RecipesService) private readonly recipes: RecipesService) {}

  @Operation('recipes.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'recipes.list'>) {
    return this.recipes.list(caller.project.id, input);
  }

  @Operation('recipes.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'recipes.create'>) {
    return this.recipes.create(caller, input);
  }

  @Operation('recipes.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'recipes.get'>) {
    return this.recipes.find(caller.project.id, params.recipe);
  }

  @Operation('recipes.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'recipes.delete'>) {
    return this.recipes.delete(caller, params.recipe);
  }
}
