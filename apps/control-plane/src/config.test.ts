import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.js';
import { ControlPlaneError } from './errors.js';

describe('configuration', () => {
  it('stands on its own with nothing set', () => {
    const config = parseConfig({});
    expect(config.http).toEqual({ host: '127.0.0.1', port: 7400 });
    expect(config.databaseUrl).toBeUndefined();
    expect(config.blobs.BLOBS_DIR).toBe(`${config.dataDir}/blobs`);
  });

  it('takes an empty variable for an unset one', () => {
    expect(parseConfig({ DATABASE_URL: '', REDIS_URL: '', S3_ENDPOINT: '' }).redisUrl).toBeUndefined();
  });

  it('names every bad variable at once, and no value', () => {
    const env = {
      DATABASE_URL: 'mysql://u:hunter2@db/x',
      VERGE_HTTP_PORT: 'eighty',
      VERGE_GRPC_PORT: '70000',
      VERGE_ADMIN_PASSWORD: 'hunter2',
      VERGE_STRICT_PORTS: 'maybe',
    };
    const error = (() => {
      try {
        return parseConfig(env);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ControlPlaneError);
    const { code, message } = error as ControlPlaneError;
    expect(code).toBe('CONFIG_INVALID');
    for (const name of Object.keys(env)) expect(message).toContain(name);
    for (const value of ['hunter2', 'eighty', '70000', 'maybe', 'mysql://']) expect(message).not.toContain(value);
  });
});
