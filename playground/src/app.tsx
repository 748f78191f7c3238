/** The shell: which model, which view, how the page looks. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Chooser } from './chooser.tsx';
import { beside, current, megabytes, type Offered, offeredModels, open, stage, typed } from './models.ts';
import { controlled, isKept } from './offline/offline.ts';
import { hashOf, place, set, view } from './place.ts';
import { chosenDark, dark } from './theme.ts';
import type { View, ViewProps } from './views/view.ts';
import { viewNamed, views } from './views/views.ts';

/** The one that a visitor meets who asks for none. */
const FIRST = 'granite-tiny';

export function App() {
  const [offered, setOffered] = useState<readonly Offered[] | undefined>(undefined);
  const [choosing, setChoosing] = useState(false);
  const wanted = place.value.settings.model;
  useEffect(() => {
    controlled().then(offeredModels).then(setOffered);
  }, []);
  useEffect(() => {
    if (!offered) return;
    if (wanted === undefined) {
      const first = offered.find(({ name }) => name === FIRST) ?? offered[0];
      if (first && !current.value) open(beside(first.name));
      if (!first) setChoosing(true);
      return;
    }
    const { from } = typed(wanted, offered);
    if (typeof current.value?.from !== 'string' || current.value.from !== from) open(typed(wanted, offered));
  }, [offered, wanted]);
  const loaded = current.value;
  const is = stage.value.is;
  return (
    <>
      <button type="button" class="skip" onClick={skipToContent}>
        To the content
      </button>
      <header class="top">
        <h1>
          Portmanteau <span>playground</span>
        </h1>
        <button
          type="button"
          class="model"
          aria-expanded={choosing || is === 'asking' || is === 'failed'}
          aria-controls="chooser"
          onClick={() => setChoosing(!choosing)}
        >
          <span class="soft">Model</span> <strong>{loaded?.name ?? 'none'}</strong>
          <span aria-hidden="true"> ▾</span>
        </button>
        <Share />
        <button
          type="button"
          class="quiet"
          aria-pressed={dark.value}
          onClick={() => {
            chosenDark.value = !dark.value;
          }}
        >
          Dark
        </button>
      </header>
      <nav aria-label="Views">
        {views.map((one) => (
          <a
            key={one.id}
            href={hashOf({ view: one.id, settings: place.value.settings })}
            aria-current={one.id === viewNamed(view.value).id ? 'page' : undefined}
          >
            {one.name}
          </a>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        {(choosing || is === 'asking' || is === 'failed') && (
          <Chooser
            offered={offered ?? []}
            onChosen={(reference) => {
              setChoosing(false);
              if (typeof reference.from === 'string') {
                const isBeside = reference.from === beside(reference.name).from;
                set({ model: isBeside ? reference.name : reference.from });
              } else set({ model: undefined });
              open(reference);
            }}
          />
        )}
        <Progress />
        {loaded ? (
          <Shown view={viewNamed(view.value)} key={viewNamed(view.value).id} />
        ) : (
          !choosing && is !== 'failed' && <Waiting />
        )}
      </main>
      <footer class="soft">
        Runs in this browser: no text leaves it.{isKept.value && ' Opens without a network from now on.'}
        {loaded && (
          <>
            {' '}
            <Facts />
          </>
        )}
      </footer>
    </>
  );
}

function skipToContent(): void {
  document.getElementById('content')?.focus();
}

function Share() {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(location.href);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button
      type="button"
      class="quiet"
      onClick={copy}
      title="Copies an address with these texts and settings; no weights are in it"
    >
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
    </button>
  );
}

function Facts() {
  const loaded = current.value;
  if (!loaded) return null;
  const { description } = loaded.seen;
  return (
    <span>
      {loaded.name}: {(description.parameters / 1e6).toFixed(1)} million parameters,{' '}
      {megabytes(description.weightBytes[loaded.weights] ?? 0)} of weights,{' '}
      {crossOriginIsolated ? 'all cores' : 'one thread (this page is not cross-origin isolated)'}.
    </span>
  );
}

function Progress() {
  const now = stage.value;
  if (now.is !== 'opening' && now.is !== 'loading') return null;
  const share = now.is === 'loading' && now.total > 0 ? now.loaded / now.total : 0;
  return (
    <div class="progress" role="status">
      <label>
        {now.is === 'opening' ? `Reading what ${now.name} needs` : `Loading ${now.name}`}
        {now.is === 'loading' && ` · ${megabytes(now.loaded)} of ${megabytes(now.total)}`}
        <progress value={share} max={1} />
      </label>
    </div>
  );
}

const Waiting = () => <p class="soft waiting">The page shows a model as soon as one is open.</p>;

function Shown({ view }: { readonly view: View }) {
  const [Component, setComponent] = useState<{ readonly of: ComponentType<ViewProps> } | undefined>(undefined);
  const [error, setError] = useState<Error | undefined>(undefined);
  const loaded = current.value;
  const suits = loaded !== undefined && (view.suits?.(loaded.seen) ?? true);
  useEffect(() => {
    if (suits) view.load().then((of) => setComponent({ of }), setError);
  }, [view, suits]);
  if (!loaded) return null;
  return (
    <section class="view" aria-labelledby="view-name">
      <div class="heading">
        <h2 id="view-name">{view.name}</h2>
        <p>{view.about}</p>
      </div>
      {!suits && view.wants && (
        <div class="panel">
          <p>
            {loaded.name} has no {view.wants.what}.
          </p>
          <button type="button" class="main" onClick={() => set({ model: view.wants?.model })}>
            Open {view.wants.model}
          </button>
        </div>
      )}
      {error && (
        <p role="alert" class="error">
          The view did not load: {error.message} Load the page anew.
        </p>
      )}
      {suits && Component && <Component.of loaded={loaded} key={loaded.name + loaded.weights} />}
    </section>
  );
}
