/** What templates use of the Jinja of Hugging Face for JavaScript, whose own types lead to files that compilers do not find. */
import * as jinja from '@huggingface/jinja';

/** A value of the interpreter. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

export interface Scope {
  readonly variables: Map<string, unknown>;
  set(name: string, value: unknown): Value;
}

/** A part of a template. */
export interface Node {
  readonly type: string;
  readonly value: unknown;
  readonly callee: Node;
  readonly args: readonly Node[];
  readonly argument: Node;
  readonly object: Node;
  readonly property: Node;
  readonly computed: boolean;
  readonly operand: Node;
  readonly filter: Node;
  readonly test: Node;
  readonly negate: boolean;
  readonly lhs: Node;
  readonly iterable: Node;
  readonly body: readonly Node[];
  readonly key: { readonly value: string };
  readonly operator: { readonly value: string };
  readonly left: Node;
  readonly right: Node;
}

/** In place of a part of a template: the value that it has. */
export interface Held {
  readonly type: 'Held';
  readonly held: Value;
}

export interface Token {
  readonly type: string;
  readonly value: string;
}

export const { Environment, Interpreter, parse, tokenize } = jinja as unknown as {
  readonly Environment: new (parent?: Scope) => Scope;
  readonly Interpreter: new (
    scope: Scope,
  ) => {
    evaluate(part: Node | Held | undefined, scope: Scope): Value;
    evaluateBlock(parts: readonly Node[], scope: Scope): Value;
  };
  readonly parse: (tokens: readonly Token[]) => { readonly body: readonly Node[] };
  readonly tokenize: (source: string) => readonly Token[];
};
