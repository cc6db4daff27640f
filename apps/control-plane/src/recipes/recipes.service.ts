import { Inject, Injectable } from '@nestjs/common';
import { Digest, Id, Recipe, type FieldError, type StoredRecipe } from '@verge/contracts';
import { AuditService } from '../audit/audit.service.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { DatabaseService, isUniqueViolation, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { toJson } from '../json.js';

type Row = Prisma.RecipeGetPayload<object>;

const recipeList = new List<'recipes.list', Prisma.RecipeWhereInput>({
  search: ['name'],
  sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});

@Injectable()
export class RecipesService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Deletions) private readonly deletions: Deletions,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
  ) {}

  async list(projectId: string, { query }: InputOf<'recipes.list'>) {
    return await recipeList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.recipe.findMany(args),
      count: (args) => this.database.recipe.count(args),
      present: (rows) => rows.map(presentRecipe),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'recipes.create'>): Promise<StoredRecipe> {
    const projectId = caller.project.id;
    await this.checkStudents(projectId, body);
    const row = await this.database.$transaction(async (db) => {
      const made = await db.recipe
        .create({ data: { projectId, name: body.name, recipe: toJson(body) } })
        .catch((error: unknown) => {
          throw isUniqueViolation(error)
            ? new ProblemError('CONFLICT', `there is already a recipe ${body.name}; recipes are immutable`)
            : error;
        });
      await this.audit.byCaller(caller, 'recipe.create', { kind: 'recipe', id: made.id, name: made.name }, {}, db);
      return made;
    });
    this.bus.changed(projectId, 'recipe', row.id);
    return presentRecipe(row);
  }

  async delete(caller: ProjectCaller, named: string): Promise<void> {
    const { id, name } = await this.find(caller.project.id, named);
    await this.deletions.delete(caller, { kind: 'recipe', id, name });
  }

  /** What the form of a recipe cannot say: that the project holds the files that it names. */
  private async checkStudents(projectId: string, { passes }: Recipe): Promise<void> {
    const errors: FieldError[] = [];
    for (const [index, pass] of passes.entries()) {
      if (pass.pass !== 'distil' || pass.student.from !== 'onnx') continue;
      const field = `/passes/${index}/student/onnx`;
      const digest = Digest.safeParse(pass.student.onnx);
      if (digest.success) errors.push(...(await this.blobs.check(projectId, [{ field, digest: digest.data }])));
      else errors.push({ field, detail: 'expected the digest of a blob that this project holds' });
    }
    if (errors.length > 0) throw ProblemError.invalid(errors);
  }

  /** @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<StoredRecipe> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.recipe.findFirst({ where: { projectId, ...key } });
    if (!row) throw ProblemError.notFound('recipe', idOrName);
    return presentRecipe(row);
  }
}

const presentRecipe = (row: Row): StoredRecipe => ({
  id: row.id,
  name: row.name,
  recipe: Recipe.parse(row.recipe),
  createdAt: row.createdAt.toISOString(),
});
