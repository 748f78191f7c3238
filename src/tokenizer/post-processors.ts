/** Post-processors of tokenizer.json: add ids before and after those of a text (processors/ of huggingface/tokenizers). */
import { componentsOf } from './components.ts';
import { at, idAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';

export interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const NONE: Frame = { before: [], after: [] };

/** Throws CheckpointError on an unknown post-processor. */
export function readFrame(place: Place): Frame {
  return componentsOf(place, 'processors')
    .map(readPart)
    .reduce(
      (inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }),
      NONE,
    );
}

function readPart(part: Place): Frame {
  const type = at(part, 'type');
  switch (type.value) {
    case 'ByteLevel': // changes offsets only, which are not used here
      return NONE;
    case 'TemplateProcessing':
      return readTemplate(part);
    case 'RobertaProcessing':
    case 'BertProcessing':
      return { before: [readPair(at(part, 'cls'))], after: [readPair(at(part, 'sep'))] };
    default:
      throw wrong(type, "'ByteLevel', 'TemplateProcessing', 'RobertaProcessing', 'BertProcessing' or 'Sequence'");
  }
}

/** [token, id] */
function readPair(place: Place): number {
  const [token, id] = listAt(place);
  if (!token || !id) throw wrong(place, 'a token and its id');
  textAt(token);
  return idAt(id);
}

function readTemplate(place: Place): Frame {
  const single = at(place, 'single');
  const known = at(place, 'special_tokens');
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const part of listAt(single)) {
    objectAt(part);
    const sequence = at(part, 'Sequence');
    if (!isAbsent(sequence)) {
      if (at(objectAt(sequence), 'id').value !== 'A') throw wrong(at(sequence, 'id'), "'A'");
      texts++;
      continue;
    }
    const name = textAt(at(objectAt(at(part, 'SpecialToken')), 'id'));
    const ids = listAt(at(objectAt(at(objectAt(known), name)), 'ids')).map(idAt);
    (texts === 0 ? before : after).push(...ids);
  }
  if (texts !== 1) throw wrong(single, 'a template with the text in it once');
  return { before, after };
}
