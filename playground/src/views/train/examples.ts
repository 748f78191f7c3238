/** Texts to learn from: limericks of Edward Lear, "A Book of Nonsense" (1846), in the public domain. */
export const LIMERICKS = [
  'There was an Old Man with a beard, who said, "It is just as I feared! Two Owls and a Hen, four Larks and a Wren, have all built their nests in my beard!"',
  'There was a Young Lady whose chin resembled the point of a pin; so she had it made sharp, and purchased a harp, and played several tunes with her chin.',
  'There was an Old Man in a tree, who was horribly bored by a Bee; when they said, "Does it buzz?" he replied, "Yes, it does! It\'s a regular brute of a Bee!"',
  "There was an Old Man on a hill, who seldom, if ever, stood still; he ran up and down, in his Grandmother's gown, which adorned that Old Man on a hill.",
  "There was an Old Person whose habits induced him to feed upon rabbits; when he'd eaten eighteen, he turned perfectly green, upon which he relinquished those habits.",
  'There was a Young Lady of Norway, who casually sat in a doorway; when the door squeezed her flat, she exclaimed, "What of that?" this courageous Young Lady of Norway.',
  'There was an Old Man who supposed that the street door was partially closed; but some very large rats ate his coats and his hats, while that futile Old Gentleman dozed.',
  'There was a Young Lady whose bonnet came untied when the birds sat upon it; but she said, "I don\'t care! All the birds in the air are welcome to sit on my bonnet!"',
].join('\n\n');
