/** Reads server-sent events as they come. */
export interface EventReader {
  readonly events: { id?: string; data: unknown }[];
  close(): void;
}

export function readEvents(url: string, token: string, lastEventId?: string): EventReader {
  const events: EventReader['events'] = [];
  const controller = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
  if (lastEventId !== undefined) headers['last-event-id'] = lastEventId;
  const read = async (): Promise<void> => {
    const response = await fetch(url, { headers, signal: controller.signal });
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        const id = field('id');
        if (data !== undefined) events.push({ ...(id === undefined ? {} : { id }), data: JSON.parse(data) });
      }
    }
  };
  read().catch(() => undefined);
  return { events, close: () => controller.abort() };
}
