import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { API_PREFIX, documentJsonSchema, Recipe, TrainingConfig } from '@verge/contracts';
import { openApiDocument } from '@verge/contracts/openapi';
import type { z } from 'zod';
import { OpenPath } from '../http/operation.js';
import { ProblemError } from '../http/problem-error.js';
import type { HttpRequest } from '../http/request.js';

const schemas: Record<string, z.ZodType> = { 'training-config.json': TrainingConfig, 'recipe.json': Recipe };

/** What the page loads, all of it from the npm package: no other host is asked. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};
const swaggerDir = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Verge API</title>
    <link rel="stylesheet" href="${API_PREFIX}/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="api"></div>
    <script src="${API_PREFIX}/docs/swagger-ui-bundle.js"></script>
    <script src="${API_PREFIX}/docs/start.js"></script>
  </body>
</html>
`;
const start = `SwaggerUIBundle({
  url: '${API_PREFIX}/openapi.json', dom_id: '#api', deepLinking: true, tryItOutEnabled: true, validatorUrl: null,
});
`;

@Controller(API_PREFIX)
export class DocumentsController {
  private document: string | undefined;

  @Get('openapi.json')
  @OpenPath()
  async openApi(@Res() response: ServerResponse): Promise<void> {
    this.document ??= JSON.stringify(openApiDocument(await version()));
    send(response, 'application/json', this.document);
  }

  @Get('schemas/:name')
  @OpenPath()
  schema(@Req() request: HttpRequest, @Res() response: ServerResponse): void {
    const name = request.params['name'] ?? '';
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    if (!schema) throw new ProblemError('NOT_FOUND', `expected one of ${Object.keys(schemas).join(', ')}`);
    send(response, 'application/schema+json', JSON.stringify(documentJsonSchema(schema), null, 2));
  }

  @Get('docs')
  @OpenPath()
  docs(@Res() response: ServerResponse): void {
    // Swagger UI draws its icons from data: URLs in its style sheet, which the general policy allows already.
    send(response, 'text/html; charset=utf-8', page);
  }

  @Get('docs/:asset')
  @OpenPath()
  async asset(@Req() request: HttpRequest, @Res() response: ServerResponse): Promise<void> {
    const name = request.params['asset'] ?? '';
    if (name === 'start.js') return send(response, 'text/javascript; charset=utf-8', start);
    const type = Object.hasOwn(assets, name) ? assets[name] : undefined;
    if (!type) throw new ProblemError('NOT_FOUND', 'the page has no such part');
    response.setHeader('content-type', type);
    response.setHeader('cache-control', 'public, max-age=3600');
    await pipeline(createReadStream(join(swaggerDir, name)), response).catch(() => response.destroy());
  }
}

function send(response: ServerResponse, type: string, text: string): void {
  response.setHeader('content-type', type);
  response.end(text);
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
