/** Tidies up at the end, when the server may be gone: errors do not count, and no more than `milliseconds` are waited. */
export async function quietly(work: Promise<unknown> | undefined, milliseconds = 2000): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work?.catch(() => undefined), patience]);
  clearTimeout(timer);
}
