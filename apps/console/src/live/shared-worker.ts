/** The hub in a worker that all tabs of the browser share. It lives as long as the last of them. */
import { Hub } from './hub.js';
import type { Port, ToHub } from './messages.js';

const hub = new Hub();
addEventListener('connect', (event) => {
  const [channel] = (event as MessageEvent).ports;
  if (!channel) return;
  const port: Port = { post: (message) => channel.postMessage(message) };
  channel.onmessage = ({ data }: MessageEvent<ToHub>) => hub.receive(port, data);
});
