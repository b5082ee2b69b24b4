package httpapi

import "net/http"

// The methods below make answer a response of every operation, as the generated code wants it.

// VisitListCollectionsResponse sends the answer.
func (a answer) VisitListCollectionsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetCollectionResponse sends the answer.
func (a answer) VisitGetCollectionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPutCollectionResponse sends the answer.
func (a answer) VisitPutCollectionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPatchCollectionResponse sends the answer.
func (a answer) VisitPatchCollectionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitDeleteCollectionResponse sends the answer.
func (a answer) VisitDeleteCollectionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitListCollectionRevisionsResponse sends the answer.
func (a answer) VisitListCollectionRevisionsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitListDocumentsResponse sends the answer.
func (a answer) VisitListDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitQueryDocumentsResponse sends the answer.
func (a answer) VisitQueryDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCreateDocumentResponse sends the answer.
func (a answer) VisitCreateDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetDocumentResponse sends the answer.
func (a answer) VisitGetDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitHeadDocumentResponse sends the answer.
func (a answer) VisitHeadDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPutDocumentResponse sends the answer.
func (a answer) VisitPutDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPatchDocumentResponse sends the answer.
func (a answer) VisitPatchDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitListDocumentRevisionsResponse sends the answer.
func (a answer) VisitListDocumentRevisionsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetDocumentRevisionResponse sends the answer.
func (a answer) VisitGetDocumentRevisionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitDiffDocumentResponse sends the answer.
func (a answer) VisitDiffDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitRestoreDocumentResponse sends the answer.
func (a answer) VisitRestoreDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitDeleteDocumentResponse sends the answer.
func (a answer) VisitDeleteDocumentResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitRunTransactionResponse sends the answer.
func (a answer) VisitRunTransactionResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetDocumentByKeyResponse sends the answer.
func (a answer) VisitGetDocumentByKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPutDocumentByKeyResponse sends the answer.
func (a answer) VisitPutDocumentByKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitPatchDocumentByKeyResponse sends the answer.
func (a answer) VisitPatchDocumentByKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitDeleteDocumentByKeyResponse sends the answer.
func (a answer) VisitDeleteDocumentByKeyResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitAggregateDocumentsResponse sends the answer.
func (a answer) VisitAggregateDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitImportDocumentsResponse sends the answer.
func (a answer) VisitImportDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitExportDocumentsResponse sends the answer.
func (a answer) VisitExportDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetLivenessResponse sends the answer.
func (a answer) VisitGetLivenessResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetReadinessResponse sends the answer.
func (a answer) VisitGetReadinessResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetContractResponse sends the answer.
func (a answer) VisitGetContractResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetMetricsResponse sends the answer.
func (a answer) VisitGetMetricsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetProblemTypeResponse sends the answer.
func (a answer) VisitGetProblemTypeResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitUpdateDocumentsResponse sends the answer.
func (a answer) VisitUpdateDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitDeleteDocumentsResponse sends the answer.
func (a answer) VisitDeleteDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitMigrateDocumentsResponse sends the answer.
func (a answer) VisitMigrateDocumentsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitListOperationsResponse sends the answer.
func (a answer) VisitListOperationsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetOperationResponse sends the answer.
func (a answer) VisitGetOperationResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitListOperationFailuresResponse sends the answer.
func (a answer) VisitListOperationFailuresResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitCancelOperationResponse sends the answer.
func (a answer) VisitCancelOperationResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitRollbackOperationResponse sends the answer.
func (a answer) VisitRollbackOperationResponse(w http.ResponseWriter) error { return a.write(w) }
