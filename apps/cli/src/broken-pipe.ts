/** 128 + SIGPIPE: what a shell reports of a program whose reader went away. */
const BROKEN_PIPE = 141;

/**
 * `verge devices list | head` closes the pipe early. Other programs end silently then, by SIGPIPE, which Node ignores: it
 * gives the stream an EPIPE error instead, and a stack trace where nobody hears that.
 */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
      throw error;
    });
}
