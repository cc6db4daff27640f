// Loaded into every Node process that a test starts: writes down a promise that failed with nobody waiting for it. The
// process then ends as it would have without this file.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.VERGE_TEST_REJECTIONS;
process.on('uncaughtExceptionMonitor', (error, origin) => {
  if (!folder || origin !== 'unhandledRejection') return;
  const text = `${process.argv.join(' ')}\n${error?.stack ?? error}\n`;
  writeFileSync(join(folder, `${process.pid}-${Date.now()}.txt`), text);
});
