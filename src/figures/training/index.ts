/** Reports on runs of training. */
export { TrainingHistory, type TrainingLine, type TrainingPoint } from './history.ts';
export { type TrainingSummary, trainingReport, trainingSummary } from './report.ts';
