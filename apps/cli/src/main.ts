import { endOnBrokenPipe } from './broken-pipe.js';
import { main } from './program.js';

endOnBrokenPipe();
process.exitCode = await main(process.argv.slice(2));
