/** What a run says while there is nothing to show. */
import type { ComponentChildren } from 'preact';
import type { Run } from './run.ts';

interface SaidProps<T> {
  readonly run: Run<T>;
  readonly children: (value: T) => ComponentChildren;
}

export function Said<T>({ run: { value, error, busy }, children }: SaidProps<T>) {
  if (error)
    return (
      <p role="alert" class="error">
        {error.message}
      </p>
    );
  if (value === undefined) return <p class="soft">{busy ? 'Computing…' : ''}</p>;
  return (
    <div class={`stack ${busy ? 'busy' : ''}`} data-busy={busy}>
      {children(value)}
    </div>
  );
}
