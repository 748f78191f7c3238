/**
 * In the place of d3-geo: Plot brings projections of maps, and no figure here is one. These are the names that it imports; the results of its calls are
 * of use with a projection only.
 */
const absent = (): undefined => undefined;

export {
  absent as geoAlbers,
  absent as geoAlbersUsa,
  absent as geoAzimuthalEqualArea,
  absent as geoAzimuthalEquidistant,
  absent as geoCentroid,
  absent as geoClipRectangle,
  absent as geoConicConformal,
  absent as geoConicEqualArea,
  absent as geoConicEquidistant,
  absent as geoEqualEarth,
  absent as geoEquirectangular,
  absent as geoGnomonic,
  absent as geoGraticule10,
  absent as geoMercator,
  absent as geoOrthographic,
  absent as geoPath,
  absent as geoStereographic,
  absent as geoStream,
  absent as geoTransform,
  absent as geoTransverseMercator,
};
