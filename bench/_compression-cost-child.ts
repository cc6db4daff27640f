/** Quantises one network in a process of its own, so that CPU time and peak memory are those of the work alone: MODEL DATA. */
import { readFileSync } from 'node:fs';
import { encodeModel, decodeModel } from '@verge/onnx';
import { outputsOf } from './_compression-likeness.js';
import { photos } from './_compression-networks.js';
import { quantized, SAMPLES } from './_compression-ptq.js';

const [path, data] = process.argv.slice(2) as [string, string];
const bytes = readFileSync(path);
const { calibration, test } = await photos(data, 224, 2 / 255, -1, SAMPLES, 1);
// What the runtime and this program's own code take is there before.
await outputsOf(encodeModel(decodeModel(bytes)), test);
const memory = process.resourceUsage().maxRSS;
const cpu = process.cpuUsage();
await quantized(bytes, calibration);
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ cpu: (user + system) / 1e6, memory: (process.resourceUsage().maxRSS - memory) / 1024 }));
