/** Chooses a model: one that lies beside the page, files from disk, an address, or a hub id. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WeightFormat } from '../../src/web.ts';
import { canPickFolder, pickFolder } from './folder.ts';
import { beside, cancel, chosen, megabytes, type Offered, open, type Reference, stage, typed } from './models.ts';

interface ChooserProps {
  readonly offered: readonly Offered[];
  readonly onChosen: (reference: Reference) => void;
}

export function Chooser({ offered, onChosen }: ChooserProps) {
  const [address, setAddress] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''), []);
  const choose = async (files: () => Promise<Parameters<typeof chosen>>) => {
    setError(undefined);
    try {
      onChosen(chosen(...(await files())));
    } catch (problem) {
      const { name, message } = problem as Error;
      if (name !== 'AbortError') setError(message); // the visitor has closed the dialogue
    }
  };
  const fromFiles = (input: HTMLInputElement) => choose(async () => [[...(input.files ?? [])]]);
  const now = stage.value;
  return (
    <section id="chooser" class="panel chooser" aria-label="Choose a model">
      {now.is === 'failed' && (
        <div role="alert" class="error">
          <strong>{now.name} could not be opened.</strong> <span>{now.error.message}</span>
        </div>
      )}
      {now.is === 'asking' && <Asked stage={now} />}
      {offered.length > 0 && (
        <div>
          <h2>Beside this page</h2>
          <ul class="offers">
            {offered.map(({ name, about }) => (
              <li key={name}>
                <button type="button" onClick={() => onChosen(beside(name))}>
                  <strong>{name}</strong>
                  {about && <span class="soft">{about}</span>}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (address.trim()) onChosen(typed(address.trim(), offered));
        }}
      >
        <h2>From the network</h2>
        <label for="address">A hub id (org/name), or the address of a folder</label>
        <div class="row">
          <input
            id="address"
            type="text"
            value={address}
            placeholder="ibm-granite/granite-3.1-1b-a400m-base"
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
          <button type="submit">Open</button>
        </div>
      </form>
      <div>
        <h2>From this device</h2>
        <div class="row">
          {canPickFolder() ? (
            <button type="button" onClick={() => choose(pickFolder)}>
              Open a folder
            </button>
          ) : (
            <label>
              A folder <input ref={folder} type="file" onChange={(event) => fromFiles(event.currentTarget)} />
            </label>
          )}
          <label>
            Files <input type="file" multiple onChange={(event) => fromFiles(event.currentTarget)} />
          </label>
        </div>
        <p class="soft">
          Files stay on this device: config.json, weights (safetensors or pytorch_model.bin) and tokenizer.
        </p>
        {error && (
          <p role="alert" class="error">
            {error}
          </p>
        )}
      </div>
    </section>
  );
}

/** A large model is loaded when its visitor knows what it needs. */
function Asked({
  stage: { reference, description },
}: {
  readonly stage: Extract<typeof stage.value, { is: 'asking' }>;
}) {
  const formats = Object.entries(description.peakBytes) as [WeightFormat, number][];
  const [format, setFormat] = useState<WeightFormat>('auto');
  const memory = (navigator as { readonly deviceMemory?: number }).deviceMemory; // GiB, 8 at most
  const fits = (bytes: number) => memory === undefined || memory >= 8 || bytes < memory * 2 ** 30 * 0.7;
  return (
    <form
      class="asked"
      onSubmit={(event) => {
        event.preventDefault();
        open(reference, format);
      }}
    >
      <h2>{reference.name}</h2>
      <p>
        {(description.parameters / 1e6).toFixed(0)} million parameters;{' '}
        {megabytes(description.files.reduce((sum, { bytes }) => sum + bytes, 0))} are read.
      </p>
      <fieldset>
        <legend>Format of the weights, and the memory that it takes</legend>
        {formats.map(([one, bytes]) => (
          <label key={one} class="switch">
            <input type="radio" name="format" checked={format === one} onChange={() => setFormat(one)} />
            <span>
              {one}: {megabytes(bytes)}
              {!fits(bytes) && <em> · likely more than this device has</em>}
            </span>
          </label>
        ))}
      </fieldset>
      <div class="row">
        <button type="submit" class="main">
          Load
        </button>
        <button type="button" onClick={cancel}>
          Not now
        </button>
      </div>
    </form>
  );
}
