/**
 * The way from a tab to the hub: a shared worker; without one, the tab among all that holds a lock; without locks, which browsers have on
 * HTTPS and localhost only, the tab itself.
 */
import { Hub } from './hub.js';
import type { Port, ToHub, ToTab } from './messages.js';

export interface Transport {
  post(message: ToHub): void;
}

interface Tab {
  receive: (message: ToTab) => void;
  /** The hub knows nothing of this tab: it has to say again what it follows. */
  onNewHub: () => void;
}

const NAME = 'verge-live';

export function openTransport(tab: Tab): Transport {
  const instead = (): Transport => ('locks' in navigator && 'BroadcastChannel' in window ? elected(tab) : own(tab));
  return 'SharedWorker' in window ? shared(tab, instead) : instead();
}

function shared(tab: Tab, instead: () => Transport): Transport {
  let fallback: Transport | null = null;
  const worker = new SharedWorker(new URL('./shared-worker.ts', import.meta.url), { type: 'module' });
  worker.port.onmessage = ({ data }: MessageEvent<ToTab>) => tab.receive(data);
  // Its script could not be loaded.
  worker.onerror = () => {
    if (fallback) return;
    fallback = instead();
    tab.onNewHub();
  };
  return { post: (message) => (fallback ? fallback.post(message) : worker.port.postMessage(message)) };
}

type Broadcast =
  | { readonly from: string; readonly message: ToHub }
  | { readonly to: string; readonly message: ToTab }
  | { readonly leader: string };

function elected(tab: Tab): Transport {
  const me = crypto.randomUUID();
  const channel = new BroadcastChannel(NAME);
  const send = (broadcast: Broadcast): void => channel.postMessage(broadcast);
  const ports = new Map<string, Port>();
  const portOf = (from: string): Port => {
    const port = ports.get(from) ?? { post: (message) => send({ to: from, message }) };
    ports.set(from, port);
    return port;
  };
  let hub: Hub | null = null;
  const here: Port = { post: tab.receive };
  channel.onmessage = ({ data }: MessageEvent<Broadcast>) => {
    if ('leader' in data) tab.onNewHub();
    else if ('from' in data) hub?.receive(portOf(data.from), data.message);
    else if (data.to === me) tab.receive(data.message);
  };
  // The lock is held until this tab is gone; then the next one gets it.
  const lead = (): Promise<never> => {
    hub = new Hub();
    send({ leader: me });
    tab.onNewHub();
    return new Promise<never>(() => undefined);
  };
  navigator.locks.request(NAME, lead).catch(reportError);
  return { post: (message) => (hub ? hub.receive(here, message) : send({ from: me, message })) };
}

function own(tab: Tab): Transport {
  const hub = new Hub();
  const here: Port = { post: tab.receive };
  return { post: (message) => hub.receive(here, message) };
}
