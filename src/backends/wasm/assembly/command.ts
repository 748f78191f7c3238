/** What all kernels share: reading the words of their command, and taking pieces of its work (see ../command.ts for the layout). */

/** Word `i` that the encoder wrote. */
// @ts-ignore: decorator
@inline
export function word(args: usize, i: usize): u32 {
  return load<u32>(args + 12 + (i << 2));
}

// @ts-ignore: decorator
@inline
export function address(args: usize, i: usize): usize {
  return <usize>word(args, i);
}

// @ts-ignore: decorator
@inline
export function real(args: usize, i: usize): f32 {
  return load<f32>(args + 12 + (i << 2));
}

/** Memory that belongs to this part while the command runs. */
// @ts-ignore: decorator
@inline
export function scratch(args: usize, part: u32): usize {
  return <usize>load<u32>(args) + <usize>load<u32>(args + 4) * <usize>part;
}

/** Number of the next piece of work that no part has taken. */
// @ts-ignore: decorator
@inline
export function take(args: usize): u32 {
  if (ASC_FEATURE_THREADS) return atomic.add<u32>(args + 8, 1);
  const next = load<u32>(args + 8);
  store<u32>(args + 8, next + 1);
  return next;
}
